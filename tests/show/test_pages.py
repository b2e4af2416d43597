"""Pages of animations, opened in a real browser: stepped by pointer and keyboard, wide and narrow, light and dark."""

from __future__ import annotations

import os
import re
import shutil
import time
from types import SimpleNamespace

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from faltung.show import page as pages
from faltung.show.animation import animate
from faltung.show.scene import picture
from faltung.show.style import DARK, LIGHT
from grid.pairs import pairs
from looking import overlaps
from show.every_scene import NAMES, SCENES, some_steps

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
COUNT = 5
# Numbers in the cells of a large kernel.
SMALLEST = {"image": 8, "image-colour": 8}


@pytest.fixture(scope="module")
def browser():
    if os.environ.get("FALTUNG_NO_BROWSER") == "1":
        pytest.skip("FALTUNG_NO_BROWSER=1: pages are not opened")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert found, "no browser: run tests/browser/install.sh, or set FALTUNG_NO_BROWSER=1"
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Pages of some steps of each scene, each made once."""
    folder, known = tmp_path_factory.mktemp("pages"), {}

    def make(name, **options):
        key = (name, *options.items())
        if key not in known:
            scene = SCENES[name]()
            steps = some_steps(scene, COUNT)
            path = animate(scene, folder / f"{len(known)}.html", steps=steps, **options)
            known[key] = SimpleNamespace(path=path, scene=scene, steps=steps,
                                         words=[scene.words(step) for step in steps])
        return known[key]

    return make


@pytest.fixture
def visit(browser, made):
    """Open a page; at the end of the test nothing may have gone wrong in it."""
    contexts, wrong = [], []

    def opened(name, window=WIDE, theme="light", options=None, **context_options):
        context = browser.new_context(viewport=window, color_scheme=theme, **context_options)
        contexts.append(context)
        tab = context.new_page()
        path = made(name, **(options or {})).path
        tab.on("console", lambda message: wrong.append(f"console: {message.text}"))
        tab.on("pageerror", lambda error: wrong.append(f"error: {error}"))
        tab.on("request", lambda request: wrong.append(f"request: {request.url[:80]}")
               if request.url != path.as_uri() and not request.url.startswith("data:") else None)
        tab.goto(path.as_uri())
        tab.wait_for_selector("#picture defs", state="attached")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


def place(tab):
    return int(tab.input_value("#slider"))


def words(tab):
    return tab.text_content("#words")


def check_axe(tab):
    from axe_playwright_python.sync_playwright import Axe

    found = [(each["id"], each["impact"], [node["html"][:120] for node in each["nodes"]])
             for each in Axe().run(tab).response["violations"] if each["impact"] in ("serious", "critical")]
    assert not found


def check_fits(tab, window):
    assert tab.evaluate("document.documentElement.scrollWidth") <= window["width"], "it scrolls sideways"
    box = tab.locator("#picture").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= window["width"]


def lost(tab):
    """Identifiers that are referred to, and stand nowhere, or more than once."""
    return tab.evaluate("""() => {
        const text = document.querySelector('#picture').innerHTML;
        const names = [...text.matchAll(/(?:url\\(|href=")#([^)"]+)/g)].map((match) => match[1]);
        return names.filter((id) => document.querySelectorAll(`[id="${id}"]`).length !== 1);
    }""")


def letter_sizes(tab):
    """Sizes of letters in the picture, in pixels of the page."""
    return tab.evaluate("""() => {
        const picture = document.querySelector('#picture');
        const scale = picture.clientWidth / picture.viewBox.baseVal.width;
        return [...picture.querySelectorAll('text')].map((text) => parseFloat(getComputedStyle(text).fontSize) * scale);
    }""")


@pytest.mark.parametrize(("name", "look"), pairs(SCENES, [(WIDE, "light"), (NARROW, "dark")], together=1))
def test_stepping(visit, made, name, look):
    (window, theme), told = look, made(name).words
    tab = visit(name, window, theme)
    last = len(told) - 1
    if last:
        tab.keyboard.press("Home")
        assert (place(tab), words(tab)) == (0, told[0])
        still = tab.inner_html("#picture")
        tab.click("#on")
        assert (place(tab), words(tab)) == (1, told[1])
        assert tab.inner_html("#picture") != still, "nothing has moved"
        tab.keyboard.press("ArrowRight")
        assert (place(tab), words(tab)) == (2, told[2])
        tab.keyboard.press("End")
        assert (place(tab), words(tab)) == (last, told[last])
        tab.click("#back")
        tab.keyboard.press("ArrowLeft")
        assert place(tab) == last - 2
        tab.keyboard.press("Home")
        assert tab.inner_html("#picture") == still, "the way back leads elsewhere"
    else:
        assert words(tab) == told[0]
        assert not tab.is_visible("#controls")
    check_fits(tab, window)
    check_axe(tab)
    # Whatever is referred to is there, and once.
    assert lost(tab) == []
    if window is NARROW:
        assert min(letter_sizes(tab), default=10) >= SMALLEST.get(name, 9)


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_the_narrow_layout_stay_apart(name):
    scene = SCENES[name]()
    for step in (scene.first, scene.steps - 1):
        figure = picture(scene, step, width=pages.NARROW)
        FigureCanvasAgg(figure).draw()
        assert overlaps(figure) == []


def test_playing(visit, made):
    tab, last = visit("test", options={"rate": 40}), COUNT - 1
    tab.keyboard.press("Home")
    assert tab.text_content("#play") == "Play"
    tab.click("#play")
    tab.wait_for_function(f"document.querySelector('#slider').value == {last}")
    assert tab.text_content("#play") == "Play", "at the end it stands"
    assert words(tab) == made("test", rate=40).words[last]
    tab.click("#play")  # from the start again
    tab.wait_for_function(f"document.querySelector('#slider').value == {last}")
    assert tab.get_attribute("#words", "aria-live") == "polite"


def test_pausing_and_speed(visit):
    tab = visit("test", options={"rate": 2})
    tab.keyboard.press("Home")
    tab.select_option("#speed", "4")
    tab.keyboard.press("Escape")
    tab.focus("body")
    tab.locator("body").press(" ")
    assert tab.get_attribute("#words", "aria-live") == "off"
    tab.wait_for_function("document.querySelector('#slider').value == 1")
    tab.locator("body").press(" ")
    held = place(tab)
    assert tab.text_content("#play") == "Play"
    time.sleep(0.3)
    assert place(tab) == held
    tab.select_option("#speed", "0.25")
    begin = time.monotonic()
    tab.click("#play")
    tab.wait_for_function(f"document.querySelector('#slider').value == {held + 1}")
    assert time.monotonic() - begin > 1.5


def test_the_slider_by_pointer_and_keys(visit):
    tab = visit("test")
    box = tab.locator("#slider").bounding_box()
    tab.mouse.click(box["x"] + box["width"] - 2, box["y"] + box["height"] / 2)
    assert place(tab) == COUNT - 1
    tab.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    assert place(tab) == 0
    tab.locator("#slider").press("ArrowRight")
    assert place(tab) == 1, "one key, one step"
    assert tab.get_attribute("#slider", "aria-valuetext") == f"2 of {COUNT}"


def test_all_is_reached_by_the_keyboard_and_seen_where_it_is(visit):
    tab = visit("test")
    reached = []
    for _ in range(6):
        tab.keyboard.press("Tab")
        reached.append(tab.evaluate("document.activeElement.id"))
        outline = tab.evaluate("getComputedStyle(document.activeElement).outlineStyle + "
                               "getComputedStyle(document.activeElement).outlineWidth")
        assert outline == "solid3px"
    assert reached == ["theme", "play", "back", "on", "slider", "speed"]
    tab.focus("#on")
    tab.keyboard.press("Home")
    tab.focus("#on")
    tab.keyboard.press(" ")
    assert place(tab) == 1, "the space bar presses the button that has the focus"


@pytest.mark.parametrize(("window", "least"), [(WIDE, 24), (NARROW, 44)])
def test_targets_are_large_enough(visit, window, least):
    tab = visit("test", window)
    for name in ("theme", "play", "back", "on", "slider", "speed"):
        box = tab.locator(f"#{name}").bounding_box()
        assert min(box["width"], box["height"]) >= least, name


def paper(tab):
    return tab.evaluate("""() => {
        const face = document.querySelector('#picture > g path');
        return [getComputedStyle(document.body).backgroundColor, getComputedStyle(face).fill];
    }""")


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[at:at + 2], 16)) for at in (1, 3, 5))})"


@pytest.mark.parametrize(("prefers", "asked", "starts"), [
    ("light", "light", LIGHT), ("dark", "light", DARK), ("light", "dark", DARK)])
def test_themes(visit, prefers, asked, starts):
    tab = visit("test", theme=prefers, options={"theme": asked})
    other = DARK if starts is LIGHT else LIGHT
    for theme in (starts, other, starts):
        assert paper(tab) == [rgb(theme.paper)] * 2
        assert tab.get_attribute("#theme", "aria-pressed") == str(theme is DARK).lower()
        check_axe(tab)
        tab.click("#theme")


def test_the_system_changes_its_theme(visit):
    tab = visit("test")
    tab.emulate_media(color_scheme="dark")
    assert paper(tab) == [rgb(DARK.paper)] * 2
    # the page is told of it a moment later
    tab.wait_for_function("document.querySelector('#theme').getAttribute('aria-pressed') === 'true'")


def test_a_window_that_becomes_narrow(visit):
    tab = visit("test")
    wide = tab.get_attribute("#picture", "viewBox")
    tab.keyboard.press("End")
    tab.set_viewport_size(NARROW)
    tab.wait_for_function(f"document.querySelector('#picture').getAttribute('viewBox') !== '{wide}'")
    assert place(tab) == COUNT - 1
    check_fits(tab, NARROW)
    tab.set_viewport_size({"width": 320, "height": 600})
    check_fits(tab, {"width": 320})


def test_nothing_moves_by_itself(visit):
    tab = visit("test", reduced_motion="reduce")
    before = place(tab)
    time.sleep(0.3)
    assert place(tab) == before
    assert tab.evaluate("getComputedStyle(document.querySelector('#play')).transitionDuration") in ("0s", "")


def test_what_a_page_says_of_itself(visit, made):
    tab = visit("test")
    title = made("test").scene.title
    assert tab.title() == tab.text_content("h1") == title
    assert tab.get_attribute("html", "lang") == "en"
    assert tab.get_attribute("#picture", "role") == "img"
    assert tab.get_attribute("#picture", "aria-label") == title
    assert tab.get_attribute("#words", "aria-live") == "polite"
    assert tab.evaluate("document.fonts.check('12px Picture')")


def test_the_text_of_a_page(made):
    path = made("test").path
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < pages.MOST_BYTES
    assert not re.findall(r"https?://|<link|<img|@import|\bimport\(|fetch\(", text)
    again = animate(made("test").scene, path.with_name("again.html"), steps=made("test").steps)
    assert again.read_bytes() == path.read_bytes(), "the same scene, another page"


def test_titles_are_text(tmp_path):
    scene = SCENES["still"]()
    scene.title = '<script>"a" & $b'
    text = animate(scene, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "<title>&lt;script&gt;&quot;a&quot; &amp; $b</title>" in text


def test_pieces_are_told_by_what_they_share():
    layer = pages.Layer(1, 1, "", [], ["abcdef", "abXYef", "abXYef", "", "q"], [])
    told = pages._packed(layer)["pieces"]
    assert told == [(0, "abcdef", 0), (2, "XY", 2), (6, "", 0), (0, "", 0), (0, "q", 0)]
