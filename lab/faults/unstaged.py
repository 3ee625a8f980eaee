# SPDX-License-Identifier: Apache-2.0
# The rows of the table no stage stands for, with the reason. Read by the runner, which prints them
# below the score.
"""UNSTAGED[row] = (what, why not)."""

UNSTAGED = {
    16: ("a client that sends an empty binding is refused",
         "it is the client's doing; the doctor always sends the right one, and says by its own "
         "probes what the server would refuse"),
    19: ("an NTLMv1 client is refused",
         "the doctor speaks NTLMv2 only; the log of Handfast shows who speaks NTLMv1"),
    20: ("the loopback check of Windows", "happens inside one Windows machine"),
    33: ("constrained delegation is not allowed", "happens behind the server, after the login"),
    37: ("one 401 for each new connection", "is how it should be: the healthy stages have it"),
    42: ("a browser sends nothing", "is a policy of the browser; the doctor is not one"),
    44: ("the second hop is anonymous", "happens behind the server, after the login"),
    59: ("all users come from the balancer's address", "is in the server's log, not in its answers"),
    60: ("chunks the balancer writes wrongly", "needs a balancer with that defect, and http.sys"),
    62: ("a cookie of the application and its node disagree", "needs an application with sessions"),
}
