"""Sign a statement with Sigstore, and tell who signed one; the extra `sigstore`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from audit_suite.errors import AuditError
from audit_suite.exports.statement import PAYLOAD

if TYPE_CHECKING:
    from sigstore.models import Bundle


def sign(statement: bytes) -> str:
    """Sign a statement in the name of the CI job that runs this.

    Sigstore's servers are asked: they give a certificate to the job's identity, and log the
    signature in public.

    Args:
        statement: The bytes of an in-toto statement.

    Returns:
        The Sigstore bundle, as JSON.

    Raises:
        AuditError: If Sigstore is not installed or not reached, or the job has no identity.
    """
    with _explained():
        from sigstore.dsse import Statement
        from sigstore.models import ClientTrustConfig
        from sigstore.oidc import IdentityToken, detect_credential
        from sigstore.sign import SigningContext

        trusted = ClientTrustConfig.production()
        token = detect_credential()
        if token is None:
            raise AuditError(
                "nobody to sign as: this is not a CI job with an identity",
                "sign in a job of GitHub Actions with `id-token: write`, or set SIGSTORE_ID_TOKEN "
                "in a job of GitLab",
            )
        with SigningContext.from_trust_config(trusted).signer(IdentityToken(token)) as signer:
            bundle: Bundle = signer.sign_dsse(Statement(statement))
            return bundle.to_json()


def refusal(bundle: str, signer: str, issuer: str) -> str:
    """Why a bundle does not show that somebody signed its statement; empty if it does.

    Nothing is fetched: Sigstore's root of trust is the one that its package brings, or that an
    earlier signing stored.

    Args:
        bundle: The Sigstore bundle, as JSON.
        signer: Who must have signed: an address, or that of a workflow.
        issuer: Who vouches for that identity, such as
            https://token.actions.githubusercontent.com.

    Raises:
        AuditError: If Sigstore is not installed.
    """
    with _explained():
        from sigstore.errors import Error
        from sigstore.models import Bundle
        from sigstore.verify import Verifier
        from sigstore.verify.policy import Identity

        try:
            verifier = Verifier.production(offline=True)
            held = Bundle.from_json(bundle)
            kind, _ = verifier.verify_dsse(held, Identity(identity=signer, issuer=issuer))
        except (Error, ValueError) as error:
            return f"its signature is not valid for {signer}: {_first_line(error)}"
    return "" if kind == PAYLOAD else f"what was signed is {kind!r}, not an in-toto statement"


_FOREIGN = ("sigstore", "tuf", "requests", "urllib3", "id", "securesystemslib")


@contextmanager
def _explained() -> Iterator[None]:
    """What goes wrong with Sigstore, for people."""
    try:
        yield
    except ImportError:
        raise AuditError(
            "signatures need Sigstore, which is not installed",
            'pip install "audit-suite[sigstore]"',
        ) from None
    except AuditError:
        raise
    except Exception as error:
        foreign = type(error).__module__.partition(".")[0] in _FOREIGN
        if not foreign and not isinstance(error, OSError):
            raise
        raise AuditError(
            f"Sigstore could not sign: {_first_line(error)}",
            "signing needs a network that reaches Sigstore's servers; the statement itself is "
            "written, and `audit-suite verify --statement` checks it without any",
        ) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
