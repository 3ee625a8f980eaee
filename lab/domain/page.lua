-- SPDX-License-Identifier: Apache-2.0
-- The page of the lab's web servers: says in plain lines who is logged in and which server
-- answers, so that one checker reads every server of the lab. Runs in Apache's mod_lua, behind
-- mod_auth_gssapi, or behind Squid, which names the person in a header only it can set.

local function plain(user)
    local name = (user or ""):gsub("^.*\\", ""):gsub("@.*$", "")
    return name:lower()
end

function handle(r)
    local env = r.subprocess_env
    local user = r.user
    if env["LAB_BEHIND_SQUID"] then
        user = r.headers_in["X-Lab-Person"]
    end
    local body = ""
    if r.method ~= "GET" and r.method ~= "HEAD" then
        body = r:requestbody() or ""
    end
    r.content_type = "text/plain"
    r:puts("person: ", plain(user), "\n")
    r:puts("server: ", env["LAB_SERVER"], "\n")
    r:puts("user: ", user or "-", "\n")
    r:puts("method: ", r.method, "\n")
    r:puts("host: ", r.headers_in["Host"] or "-", "\n")
    r:puts("body_bytes: ", tostring(#body), "\n")
    r:puts("body_sha1: ", r:sha1(body), "\n")
    return apache2.OK
end
