# SPDX-License-Identifier: Apache-2.0
# The client's half of NTLMv2 (MS-NLMP) in plain Python: builds Type 1 and Type 3 messages, with
# every choice about channel binding, service name and MIC left to the caller. Independent of the
# C code it is used to examine.
"""NTLMv2 messages for tests.

    first = negotiate()
    third = authenticate(first, second, "alice", "EXAMPLE", nt_hash("secret"))
"""

import hashlib
import hmac
import os
import struct

UNICODE, REQUEST_TARGET, NTLM = 0x1, 0x4, 0x200
ALWAYS_SIGN, EXTENDED_SECURITY, TARGET_INFO = 0x8000, 0x80000, 0x800000
VERSION, KEY_128, KEY_56 = 0x2000000, 0x20000000, 0x80000000
FLAGS = (UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SECURITY | VERSION | KEY_128
         | KEY_56)
AV_END, AV_FLAGS, AV_TIMESTAMP, AV_TARGET_NAME, AV_BINDING = 0, 6, 7, 9, 10
AV_FLAG_MIC = 0x2
EMPTY_BINDING = bytes(16)  # "I know channel bindings and there is no channel"
SIGNATURE = b"NTLMSSP\0"
OS_VERSION = bytes([10, 0, 0x61, 0x58, 0, 0, 0, 15])


class MalformedChallenge(ValueError):
    """The server's Type 2 is not one."""


def _rotate(value, count):
    value &= 0xFFFFFFFF
    return (value << count | value >> (32 - count)) & 0xFFFFFFFF


MD4_ROUNDS = (
    (lambda b, c, d: (b & c) | (~b & d), 0, tuple(range(16)), (3, 7, 11, 19)),
    (lambda b, c, d: (b & c) | (b & d) | (c & d), 0x5A827999,
     (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), (3, 5, 9, 13)),
    (lambda b, c, d: b ^ c ^ d, 0x6ED9EBA1,
     (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15), (3, 9, 11, 15)),
)


def md4(message):
    """RFC 1320. Here because OpenSSL 3 keeps it in a provider that may be absent."""
    padded = message + b"\x80" + bytes((55 - len(message)) % 64)
    padded += struct.pack("<Q", len(message) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for at in range(0, len(padded), 64):
        words = struct.unpack("<16I", padded[at:at + 64])
        a, b, c, d = state
        for mix, constant, order, turns in MD4_ROUNDS:
            for step, index in enumerate(order):
                mixed = _rotate(a + mix(b, c, d) + words[index] + constant, turns[step % 4])
                a, b, c, d = d, mixed, b, c
        state = [(x + y) & 0xFFFFFFFF for x, y in zip(state, (a, b, c, d))]
    return struct.pack("<4I", *state)


def nt_hash(password):
    return md4(password.encode("utf-16-le"))


def hmac_md5(key, data):
    return hmac.digest(key, data, "md5")


def channel_binding(certificate_der, digest="sha256"):
    """tls-server-end-point (RFC 5929) as the 16 bytes NTLM and Kerberos carry."""
    data = b"tls-server-end-point:" + hashlib.new(digest, certificate_der).digest()
    return hashlib.md5(bytes(16) + struct.pack("<I", len(data)) + data).digest()


def negotiate(flags=FLAGS):
    version = OS_VERSION if flags & VERSION else bytes(8)
    return SIGNATURE + struct.pack("<II", 1, flags) + bytes(16) + version


class Challenge:
    """A Type 2 taken apart."""

    def __init__(self, message):
        if len(message) < 48 or message[:12] != SIGNATURE + struct.pack("<I", 2):
            raise MalformedChallenge(f"{len(message)} bytes")
        self.flags, = struct.unpack_from("<I", message, 20)
        self.nonce = message[24:32]
        length, _, offset = struct.unpack_from("<HHI", message, 40)
        self.info = dict(read_av_pairs(message[offset:offset + length]))


def read_av_pairs(data):
    at = 0
    while at + 4 <= len(data):
        kind, length = struct.unpack_from("<HH", data, at)
        if kind == AV_END:
            return
        yield kind, data[at + 4:at + 4 + length]
        at += 4 + length


def _av_pairs(pairs):
    out = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in pairs.items())
    return out + bytes(4)


def authenticate(type1, type2, user, domain, key, *, binding=None, spn=None, mic=True,
                 workstation="CLIENT"):
    """A Type 3. `key` is the NT hash. `binding` None says nothing about the channel,
    EMPTY_BINDING says there is none. `spn` None leaves the service name out."""
    challenge = Challenge(type2)
    pairs = dict(challenge.info)
    pairs.pop(AV_END, None)
    if mic:
        pairs[AV_FLAGS] = struct.pack("<I", AV_FLAG_MIC)
    if binding is not None:
        pairs[AV_BINDING] = binding
    if spn is not None:
        pairs[AV_TARGET_NAME] = spn.encode("utf-16-le")
    owf = hmac_md5(key, (user.upper() + domain).encode("utf-16-le"))
    stamp = pairs.get(AV_TIMESTAMP, bytes(8))
    blob = b"\1\1" + bytes(6) + stamp + os.urandom(8) + bytes(4) + _av_pairs(pairs) + bytes(4)
    proof = hmac_md5(owf, challenge.nonce + blob)
    return _assemble(type1, type2, challenge.flags, mic, hmac_md5(owf, proof), [
        bytes(24), proof + blob, domain.encode("utf-16-le"), user.encode("utf-16-le"),
        workstation.encode("utf-16-le"), b"",
    ])


def _assemble(type1, type2, flags, mic, session_key, payloads):
    at = 88
    fields = b""
    for payload in payloads:
        fields += struct.pack("<HHI", len(payload), len(payload), at)
        at += len(payload)
    head = SIGNATURE + struct.pack("<I", 3) + fields + struct.pack("<I", flags & FLAGS)
    body = b"".join(payloads)
    third = head + OS_VERSION + bytes(16) + body
    if not mic:
        return third
    return head + OS_VERSION + hmac_md5(session_key, type1 + type2 + third) + body
