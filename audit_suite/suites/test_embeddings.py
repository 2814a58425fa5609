"""Embeddings: how hiding changes them, and what they encode besides the finding (E1 to E4).

After Sourget et al. 2024, who compare the embedding of each full image with those of its masked
versions and show them by t-SNE. Nothing here is judged: an embedding may encode what the model's
output never uses. The model card must name the layer (``embedding_layer``).
"""

from audit_suite import (
    Inconclusive,
    Masking,
    NotApplicable,
    WithoutROI,
    check,
    domain,
    each_similarity,
    each_tag,
    encoded_and_used,
    report_only,
    score_probe,
    share_of_separation,
    similarity,
)

EVERYONE = ("all", "positive", "negative")
ELSEWHERE = WithoutROI(whose="elsewhere")


@check(
    "E1",
    risk="explanations",
    section="embeddings.difference",
    hidden=similarity(WithoutROI(), beside=ELSEWHERE),
)
def test_effect_of_hiding_the_region(hidden, audit):
    """Does hiding the region move the embedding more than hiding an equal area elsewhere?

    How to read it: Below 0 the region moves the embedding more than its area alone explains, as it
    should.
    """
    plain = [hidden, *(audit(similarity(WithoutROI(), among)) for among in EVERYONE[1:])]
    try:
        elsewhere = [audit(similarity(ELSEWHERE, among)) for among in EVERYONE]
    except NotApplicable as reason:
        report_only(*plain, because=f"without an equal area elsewhere to compare with: {reason}")
    gaps = [
        (own - other)
        .named(f"{own.label} minus that of an equal area elsewhere")
        .placed(**own.at, against=ELSEWHERE.id)
        for own, other in zip(plain, elsewhere, strict=True)
    ]
    report_only(
        *plain,
        *elsewhere,
        *gaps,
        because="below 0 the region matters more than its area alone, which is not a fault",
    )


@check(
    "E2",
    risk="explanations",
    section="embeddings.probe",
    encoded=[each_tag(), domain(WithoutROI())],
)
def test_what_the_embedding_encodes(encoded, audit):
    """Can a tag, or whether the image was masked, be predicted from the embedding, and is it used?

    How to read it: What can be predicted from the embedding is available to the model, though it
    need not use it. It is used if the score alone tells the tag among patients of one class. How
    much of the skill comes from it is the share of what separates the classes that it explains,
    which M6 judges: a tag that is alike in both classes may be used and explain nothing here, and
    mislead where it is not alike.
    """
    if "tag" not in encoded.at:
        report_only(encoded, because="the model need not use all that its embedding encodes")
    tag, known, unknown = encoded.at["tag"], [], ""
    for need in (score_probe(tag), share_of_separation(tag)):
        try:
            known.append(audit(need))
        except (Inconclusive, NotApplicable) as reason:
            known.append(None)
            unknown = str(reason)
    followed, share = known
    report_only(
        encoded,
        *(estimate for estimate in known if estimate is not None),
        because=encoded_and_used(encoded, followed, share, unknown),
    )


@check("E3", risk="explanations", section="embeddings.map", hidden=similarity(WithoutROI()))
def test_map_of_embeddings(hidden):
    """Where do images with and without the region lie in the model's embedding?

    How to read it: Groups of masked or of same-site images may be seen; distances between far
    points mean nothing.
    """
    report_only(because="a picture in the report, whose distances have no scale to judge by")


@check("E4", risk="explanations", section="embeddings.similarity", overall=[each_similarity()])
def test_similarity_of_masked_images(overall, audit):
    """How similar are the embeddings of a full image and its masked versions, in each class?

    How to read it: A large difference between classes shows that masking changes more in one of
    them.
    """
    masking = Masking.parse(overall.at["masking"])
    report_only(
        overall,
        *(audit(similarity(masking, among)) for among in EVERYONE[1:]),
        because="any hole moves an embedding, and there is no agreed limit to how far",
    )
