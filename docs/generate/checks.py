"""Every shipped check, from its suite: question, needs, rule, role, and what a fail means."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from audit_suite.audit.policy import load_policy
from audit_suite.audit.suites import shipped_suites, suite_name
from audit_suite.checks import ATTRIBUTE, Check
from audit_suite.registry import CAUSES
from audit_suite.statistics import Margin
from generate.words import first_paragraph, summary

_SHOWN = 4  # needs of one argument that are named
_ROLES = {
    "required": "**Required** by the default policy: it must be asked, judged and passed.",
    "asked": "**Guards**, and must be asked by the default policy; a fail closes the gate.",
    "guard": "**Guards** by the default policy: a fail closes the gate; without a verdict nothing "
    "changes.",
    "reports": "**Reports**: it never fails.",
}
_INTRO = """# Checks

Every check that ships with audit-suite. A policy of your own may give them other roles, and a
card's `[margins.ID]` another margin (its `value` and its `source`); the report shows both.

**How a verdict is drawn.** A rule such as `hidden < margin` passes if the interval of the estimate
lies below the margin, fails if it lies above, and is inconclusive if the interval includes it: too
little data. With `>` it is the reverse. Intervals count patients, not images. A list of needs is
one case each, and a fail must hold at 5 % divided by the number of cases. With fewer than 20
patients of either class there is no verdict.

"""


def shipped() -> Iterator[tuple[ModuleType, Check, Callable[..., Any]]]:
    """Every shipped check with its module and its function."""
    for file in shipped_suites().values():
        module = importlib.import_module(f"audit_suite.suites.{file.stem}")
        for function in vars(module).values():
            declared = getattr(function, ATTRIBUTE, None)
            if isinstance(declared, Check):
                yield module, declared, function


def checks_page() -> str:
    """The reference of all checks."""
    text, last = _INTRO, None
    for module, declared, function in shipped():
        if module is not last:
            name = suite_name(
                next(f for f in shipped_suites().values() if f.stem in module.__name__)
            )
            text += f"## Suite `{name}`\n\n{summary(module)}\n\n"
            last = module
        text += _entry(module, declared, function)
    return text


def _entry(module: ModuleType, declared: Check, function: Callable[..., Any]) -> str:
    title = declared.title[0].upper() + declared.title[1:]
    text = f"({declared.id.lower()})=\n### {declared.id}: {title}\n\n*{declared.question}*\n\n"
    rules = _rules(module, function)
    lines = [("Role", _ROLES[_role(declared.id, bool(rules))])]
    lines += [(f"`{name}`", words) for name, words in _needs(declared)]
    lines += [("Rule", " and ".join(f"`{rule}`" for rule in rules))] if rules else []
    lines += list(declared.advice.items())
    text += "\n".join(f"{term}\n: {words}\n" for term, words in lines)
    return text + "\n"


def _role(id: str, judged: bool) -> str:
    """What the default policy makes of a check."""
    kind = load_policy().targets[0]
    if id in kind.required:
        return "required"
    if id in kind.asked:
        return "asked"
    return "guard" if judged else "reports"


def _needs(declared: Check) -> Iterator[tuple[str, str]]:
    for name, need in declared.needs.items():
        if isinstance(need, Margin):
            yield name, f"{need:g}; {need.source}"
            continue
        several = list(need) if isinstance(need, list | tuple) else [need]
        words = "; ".join(dict.fromkeys(first_paragraph(type(one)).rstrip(".") for one in several))
        ids = list(dict.fromkeys(filter(None, (getattr(one, "id", "") for one in several))))
        more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
        shown = ", ".join(f"`{id}`" for id in ids[:_SHOWN])
        how = {list: " (one case each)", tuple: " (judged together)"} if ids[1:] else {}
        yield name, words + (f": {shown}{more}{how.get(type(need), '')}" if ids else "")


def _rules(module: ModuleType, function: Callable[..., Any]) -> list[str]:
    """The comparisons that are asserted, also by functions of the suite that the check calls."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    rules = [ast.unparse(node.test) for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = getattr(module, node.func.id, None)
            if inspect.isfunction(called) and called.__module__ == module.__name__:
                rules += _rules(module, called)
    return list(dict.fromkeys(rules))


def causes_page() -> str:
    """The causes that a report can name."""
    text = (
        "# Causes\n\nWhere a model has skill without the region, the report says which of these "
        "hold, with the estimates behind each, and what would settle those that are unknown.\n\n"
    )
    for name, cause in sorted(CAUSES.items(), key=lambda item: item[1].rank):
        ids = dict.fromkeys([*cause.checks, *cause.also_reads])
        checks = ", ".join(f"[{id}](checks.md#{id.lower()})" for id in ids)
        words = cause.words[0].upper() + cause.words[1:]
        text += f"`{name}`\n: {words}.\n: Read from {checks}.\n\n"
    return text
