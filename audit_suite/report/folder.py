"""The report as a folder: the same page, with its style sheet and its pictures in files beside it.

Servers that show pages of others, Jenkins first, send a content security policy that allows neither
an inline style sheet nor pictures inside the page, but files of the same server.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from pathlib import Path

from audit_suite.errors import AuditError
from audit_suite.files import write_whole
from audit_suite.record import Record
from audit_suite.report.html import rendered
from audit_suite.signoff import SignOff

PAGE, STYLE, PICTURES = "index.html", "report.css", "images"
"""What is in the folder."""
POLICY = (
    "default-src 'none'; style-src 'self' file:; img-src 'self' file:; "
    "base-uri 'none'; form-action 'none'"
)
"""The page's own policy; where a server sends one too, both must allow a file."""

_OWN_POLICY = re.compile(r'(<meta http-equiv="Content-Security-Policy" content=")[^"]*(">)')
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_PICTURE = re.compile(
    r'\b(src|href)="data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/=]+)"'
)  # an attribute: quotation marks of the record's texts are escaped
_NAMED = re.compile(r"[0-9a-f]{32}\.(png|jpeg|gif|webp)")


def write_folder(
    record: Record, folder: Path, signoff: SignOff | None = None
) -> tuple[AuditError, ...]:
    """Render a record as ``index.html``, ``report.css`` and ``images/`` in a folder.

    The page is written last, so that it never names a file that is not there; pictures of an
    earlier report are removed then, and other files are left alone.

    Args:
        record: What to show.
        folder: The folder; created if needed.
        signoff: What a reviewer decided on it.

    Returns:
        Problems to report, as `write_report` does.

    Raises:
        AuditError: If the folder cannot be written.
    """
    text, problems = rendered(record, signoff)
    page, style, pictures = taken_apart(text)
    try:
        for name, content in pictures.items():
            if not (folder / PICTURES / name).exists():
                write_whole(folder / PICTURES / name, content, durable=False)
        write_whole(folder / STYLE, style.encode())
        write_whole(folder / PAGE, page.encode())
        for old in folder.glob(f"{PICTURES}/*"):
            if _NAMED.fullmatch(old.name) and old.name not in pictures:
                old.unlink()
    except OSError as error:
        raise AuditError(
            f"the report's folder {folder} cannot be written: {error.strerror}",
            "name another folder; the record can be rendered again with `audit-suite render`",
        ) from None
    return problems


def taken_apart(text: str) -> tuple[str, str, dict[str, bytes]]:
    """A self-contained page as a page that refers to files.

    Args:
        text: The page.

    Returns:
        The page, its style sheet, and its pictures by name; a picture's name is its SHA-256, so
        that one that is shown twice is stored once.
    """
    pictures: dict[str, bytes] = {}

    def named(match: re.Match[str]) -> str:
        attribute, kind, written = match.groups()
        try:
            content = base64.b64decode(written)
        except binascii.Error:  # not a picture, so it stays what it is: broken in both forms
            return match.group()
        name = f"{hashlib.sha256(content).hexdigest()[:32]}.{kind}"
        pictures[name] = content
        return f'{attribute}="{PICTURES}/{name}"'

    head, style, rest = _STYLE.split(text, maxsplit=1)  # an extension's own is blocked in both
    text = f'{head}<link rel="stylesheet" href="{STYLE}">{rest}'
    text = _OWN_POLICY.sub(rf"\g<1>{POLICY}\g<2>", text, count=1)
    return _PICTURE.sub(named, text), style, pictures
