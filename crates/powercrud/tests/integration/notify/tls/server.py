"""A real mail server (aiosmtpd) for tests: mail only over TLS, and only after a login.

usage: server.py starttls|implicit|plain CERTIFICATE KEY

Prints the port, then each mail as a line of JSON: who logged in, whether the connection was encrypted, sender, recipients, content.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    async def handle_DATA(self, server, session, envelope):
        mail = {
            "login": session.auth_data.login.decode() if session.auth_data else None,
            "encrypted": server.transport.get_extra_info("ssl_object") is not None,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode(),
        }
        print(json.dumps(mail), flush=True)
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    known = (data.login, data.password) == (b"shop@example.org", b"p/w:#1")
    # Not handled: the server itself answers 535.
    return AuthResult(success=known, handled=False, auth_data=data)


async def main(mode, certificate, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    login = {"authenticator": authenticate, "auth_required": mode != "plain", "auth_require_tls": mode == "starttls"}
    if mode == "starttls":
        login |= {"tls_context": context, "require_starttls": True}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(Handler(), hostname="localhost", **login),
        "127.0.0.1",
        0,
        ssl=context if mode == "implicit" else None,
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main(*sys.argv[1:]))
