"""Subgroups: is the model as good, and as honest, for everyone? (F1 to F3).

Groups are the values of the tags that the data set's card declares under ``metadata``, and those of
pairs of tags. Each is compared with the other groups of the same tags, images within their own
group alone, so that a group in which the finding is more frequent gains nothing by that. Groups of
fewer than 30 patients with or without the finding are undecided, and so is the check then.
"""

from audit_suite import (
    Every,
    Family,
    Inconclusive,
    Margin,
    WithoutROI,
    by_group,
    check,
    observe,
    report_only,
    worst_slice,
)

FILLS = ("black", "mean", "blur")
LEAST_SKILL = 0.60
PROPOSED = "proposed default of audit-suite; pre-register your own in a card"
QUARTER = Margin(0.25, source="a quarter of the group's skill, as for R8-box")


@check(
    "F1",
    risk="groups",
    section="subgroups.tags",
    skills=by_group(),
    gaps=by_group(gap=True),
    margin=Margin(0.05, source=PROPOSED),
)
def test_skill_is_alike_in_all_groups(skills, gaps, margin):
    """In no group of patients, by one tag, is the AUROC lower than in the others by the margin?

    If it fails: Patients of one group are served worse: among them the model separates those with
    and without the finding less well than among others.
    What to do: Read the table of groups. Ask whether the finding is harder to see there, or the
    group rare in training; train with more such patients, or exclude the group from the intended
    use and say so.
    """
    observe(*large_enough(skills), *undecided(gaps))
    assert Every(large_enough(gaps)) < margin
    refuse_small(gaps)


@check(
    "F1-pairs",
    risk="groups",
    section="subgroups.pairs",
    skills=by_group(order=2),
    gaps=by_group(order=2, gap=True),
    margin=Margin(0.05, source=PROPOSED),
)
def test_skill_is_alike_in_all_pairs_of_groups(skills, gaps, margin):
    """In no group of patients, by two tags together, is the AUROC lower than in the others?

    If it fails: Patients of a group by two tags, such as women of one hospital, are served worse.
    What to do: As for F1; a group by two tags is often small, so look at its patients first.
    """
    observe(*large_enough(skills))
    assert Every(large_enough(gaps)) < margin
    refuse_small(gaps)


@check(
    "F1-point",
    risk="groups",
    section="subgroups.tags",
    sensitivities=by_group("sensitivity"),
    specificities=by_group("specificity"),
    missed=by_group("sensitivity", gap=True),
    alarms=by_group("specificity", gap=True),
    margin=Margin(0.10, source=PROPOSED),
)
def test_decisions_are_alike_in_all_groups(sensitivities, specificities, missed, alarms, margin):
    """In no group are sensitivity or specificity, at the operating point, lower by the margin?

    If it fails: At the threshold at which it is used, the model misses more patients of one group,
    or raises more false alarms among them, than among others.
    What to do: Read the table of groups, with calibration beside it: one threshold may not suit
    all groups.
    """
    observe(*large_enough(sensitivities), *large_enough(specificities), *undecided(missed))
    assert Every(large_enough(missed) + large_enough(alarms)) < margin
    refuse_small(missed)


@check(
    "F2",
    risk="groups",
    section="subgroups.tags",
    black=by_group(masking=WithoutROI(shape="box", fill="black"), kept=True),
    mean=by_group(masking=WithoutROI(shape="box", fill="mean"), kept=True),
    blur=by_group(masking=WithoutROI(shape="box", fill="blur"), kept=True),
    margin=QUARTER,
)
def test_the_region_matters_in_all_groups(black, mean, blur, margin):
    """In every group, is at most a quarter of the skill left with the region's box hidden?

    If it fails: In one group, such as the patients of one hospital, the model keeps more than a
    quarter of its skill without the region: there it reads something else.
    What to do: Look for a marker, a device or an exposure of that group that goes with the finding;
    if R8-box passes, the shortcut is that group's alone.
    """
    families, unable = [], []
    for each in zip(large_enough(black), large_enough(mean), large_enough(blur), strict=True):
        if each[0].at["skill"] > LEAST_SKILL:
            families.append(Family(each).distance_to(0))
        else:
            unable.append(each[0])
    observe(*unable, *undecided(black))
    if not families:
        raise Inconclusive(f"no group has shown the skill (AUROC {LEAST_SKILL:.2f}) to lose any")
    assert Every(families) < margin
    refuse_small(black)
    if unable:
        raise Inconclusive(f"{len(unable)} groups have not shown the skill to lose any")


@check("F3", risk="groups", section="subgroups.tags", found=worst_slice())
def test_the_worst_slice(found):
    """Is the AUROC lower in a part of the embedding that no tag names?

    How to read it: The slice was found on half of the patients and is tested on the others. A gap
    whose interval lies above 0 is a group that is served worse; its images show what they share.
    """
    report_only(*found, because="nobody declared the slice, so it has no margin")


def large_enough(groups):
    """The groups that are large enough to be judged; without any the check is undecided."""
    large = [group for group in groups if "undecided" not in group.at]
    if not large:
        observe(*groups)
        raise Inconclusive(f"no group is large enough; {in_words(groups)}")
    return large


def undecided(groups):
    """The groups that are too small to be judged."""
    return [group for group in groups if "undecided" in group.at]


def refuse_small(groups):
    """What nobody could judge is no pass."""
    if small := undecided(groups):
        raise Inconclusive(f"all groups that are large enough pass; {in_words(small)}")


def in_words(small):
    """How many groups are not judged, and why the first is not."""
    first = small[0].at
    return f"{len(small)} are not judged, such as '{first['group']}': {first['undecided']}"
