"""Tables for notebooks: well-formed, escaped, without colours of their own; what the library's objects show."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import faltung as ft
from faltung import layers, markup
from faltung.asking import ask
from faltung.layers import zoo


class Page(HTMLParser):
    """Elements and texts of a page whose tags all match."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.texts, self.styles = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == [], "tags are left open"

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)
        self.tags.append(tag)
        self.styles += [value for name, value in attrs if name == "style"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def check(value):
    page = Page(value._repr_html_())
    assert "table" in page.tags
    for style in page.styles:
        assert not re.search(r"#[0-9a-f]{3}|: (black|white)|rgb\(", style), f"a colour of its own: {style}"
    return page


def test_tables_escape_what_they_are_given():
    page = markup.table([("<b>", markup.Html("<i>a</i>"))], ("a & b",), title="<script>", notes=["1 < 2"], numbers=(1,),
                        total=("x", '"'))
    assert "<b>" not in page
    assert "<script>" not in page
    assert Page(page).texts == ["<script>", "a & b", "<b>", "a", "x", '"', "1 < 2"]
    assert markup.tag("td", "a", title='"&') == '<td title="&quot;&amp;">a</td>'


def test_problems():
    problem = ask("cost", ft.conv, (ft.Like((2, 4, 9, 8)), ft.Like((6, 2, 3, 3)), ft.Like((6,))),
                  {"stride": 2, "groups": 2, "border": ("edge", (0, "wrap")), "padding": 1, "activation": "relu"}
                  ).lowered.problem
    page = check(problem)
    assert page.tags.count("tr") == 3
    assert {"edge", "0, wrap"} <= set(page.texts)
    assert any("batch 2; groups 2; channels in 2; channels out 3" in text for text in page.texts)
    assert any(text.endswith("bias; relu") for text in page.texts)


def test_plans():
    plan = ft.plan(ft.correlate, ft.Like((64, 64)), ft.Like((5, 5)), "same", border="reflect")
    page = check(plan)
    assert "plan of correlate" in page.texts
    assert {candidate.name for candidate in plan.candidates} <= set(page.texts)
    assert "chosen" in page.texts
    folded = ft.plan(ft.conv_input_grad, ft.Like((1, 1, 8)), ft.Like((1, 1, 3)), (1, 1, 8), padding=1, border="edge")
    check(folded)


def test_matches():
    image = np.random.default_rng(1).random((20, 20))
    [match] = ft.find(image, image[5:10, 6:12], top=1)
    page = check(match)
    assert {"Match", "(5, 6)", "[5:10, 6:12]", "1"} <= set(page.texts)
    assert "angle" not in page.texts
    turned = ft.Match((1, 2), 0.5, (1.0, 2.0), (slice(1, 3), slice(2, 4)), 30.0, 1.5)
    assert {"30", "1.5"} <= set(check(turned).texts)


@pytest.mark.parametrize("layer", [layers.Conv2d(3, 4, 3), layers.ReLU(), layers.Linear(4, 5), layers.BatchNorm(3)])
def test_layers(layer):
    page = check(layer)
    assert any(text.startswith(layer.name) for text in page.texts)
    assert set(layer.parameters) <= set(page.texts)


def test_networks_and_summaries():
    network = zoo.lenet5(10)
    page = check(network)
    assert {path for path, _ in layers.network.leaves(network)} <= set(page.texts)
    assert {"total", "12 layers", "61,706"} <= set(page.texts)
    summary = network.summary((1, 1, 28, 28))
    assert isinstance(summary, str)
    assert {"conv1", "1x6x28x28", "total", "422,824"} <= set(check(summary).texts)


def test_names_are_escaped():
    network = layers.Sequential(layers.ReLU())
    network.add("<b>", layers.ReLU())
    assert "<b></b>" not in network._repr_html_()
    assert "<b>" in check(network).texts


def test_costs_and_explanations():
    check(ft.explain(ft.correlate, [1, 2, 3], [1, 1], border="wrap"))
    check(ft.cost(ft.correlate, ft.Like(100), ft.Like(5)))
