"""E-mail to the people who look after an installation."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from sen4cap_core.errors import ServiceError
from sen4cap_core.settings import Settings

TIMEOUT_SECONDS = 30.0


def send_mail(settings: Settings, subject: str, text: str) -> str:
    """Send a message to all addresses of the settings; return them.

    Raises
    ------
    ServiceError
        No server or address is set, or the server refuses.
    """
    if settings.smtp_url is None or not settings.alert_email:
        raise ServiceError("no e-mail is sent: set SEN4CAP_SMTP_URL and SEN4CAP_ALERT_EMAIL")
    place = urlsplit(settings.smtp_url.get_secret_value())
    if place.scheme not in ("smtp", "smtps") or not place.hostname:
        raise ServiceError("SEN4CAP_SMTP_URL is smtp://user:password@host:port, or smtps://...")
    message = EmailMessage()
    # Whatever a file is called, it starts no new line of the head.
    message["Subject"] = " ".join(subject.split())
    message["From"] = settings.alert_sender or f"sen4cap@{place.hostname}"
    message["To"] = settings.alert_email
    message.set_content(text)
    secure = place.scheme == "smtps"
    try:
        with _connect(place.hostname, place.port or (465 if secure else 25), secure=secure) as server:
            if place.username:
                if not secure:
                    server.starttls(context=ssl.create_default_context())
                server.login(unquote(place.username), unquote(place.password or ""))
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise ServiceError(f"{place.hostname} did not take the e-mail: {error}") from error
    return settings.alert_email


def _connect(host: str, port: int, *, secure: bool) -> smtplib.SMTP:
    if secure:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
