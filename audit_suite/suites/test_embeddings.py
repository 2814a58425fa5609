"""Embeddings: what hiding changes in them, and what they tell besides the finding (E1 to E4).

After Sourget et al. 2024, who compare the embedding of each full image with those of its masked
versions and draw them by t-SNE. Nothing here is judged: an embedding may hold what the answer never
uses. Needs a model card that names the layer (``embedding_layer``).
"""

from audit_suite import (
    Masking,
    NotApplicable,
    WithoutROI,
    check,
    domain,
    each_similarity,
    each_tag,
    report_only,
    similarity,
)

EVERYONE = ("all", "positive", "negative")
ELSEWHERE = WithoutROI(whose="elsewhere")


@check("E1", section="embeddings.difference", hidden=similarity(WithoutROI(), beside=ELSEWHERE))
def test_what_hiding_the_region_moves(hidden, audit):
    """Does hiding the region move the embedding more than hiding as much elsewhere?"""
    plain = [hidden, *(audit(similarity(WithoutROI(), among)) for among in EVERYONE[1:])]
    try:
        elsewhere = [audit(similarity(ELSEWHERE, among)) for among in EVERYONE]
    except NotApplicable as reason:
        report_only(*plain, because=f"with nothing to hold it against, as {reason}")
    gaps = [
        (own - other)
        .named(f"{own.label} minus that without as much elsewhere")
        .placed(**own.at, against=ELSEWHERE.id)
        for own, other in zip(plain, elsewhere, strict=True)
    ]
    report_only(
        *plain,
        *elsewhere,
        *gaps,
        because="below 0 the region counts for more than its area, and that is no fault",
    )


@check("E2", section="embeddings.probe", told=[each_tag(), domain(WithoutROI())])
def test_what_the_embedding_tells_besides(told):
    """Can a tag, or the masking, be read from the embedding?"""
    report_only(told, because="what an embedding holds need not be used")


@check("E3", section="embeddings.map", hidden=similarity(WithoutROI()))
def test_where_images_lie(hidden):
    """Where do images with and without the region lie in the model's eyes?"""
    report_only(because="a picture in the report; distances in it have no scale to judge by")


@check("E4", section="embeddings.similarity", alike=[each_similarity()])
def test_how_alike_masked_images_stay(alike, audit):
    """How alike are the embeddings of a full image and of its masked versions, class by class?"""
    masking = Masking.parse(alike.at["masking"])
    report_only(
        alike,
        *(audit(similarity(masking, among)) for among in EVERYONE[1:]),
        because="a hole moves any embedding; how far it may has no agreed limit",
    )
