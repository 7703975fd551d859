#!/usr/bin/env python3
"""test_book.py: the book as a reader has it, in a headless Chromium: every link, both languages,
light and dark, a phone and a desk, the keyboard; nothing overlaps, nothing sticks out, the console
stays silent.

    test_book.py LASTACK [KEEP]     runs `LASTACK lab book DIR`; KEEP: a directory for screenshots
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import xml.etree.ElementTree
from html.parser import HTMLParser

sys.dont_write_bytecode = True
from browser import Browser  # noqa: E402

LASTACK = KEEP = None
LOOK = pathlib.Path(__file__).with_name("look.js").read_text()
CHINESE = re.compile("[\u4e00-\u9fff]")
EXPERIMENTS = 22  # what the laboratory promises


class Outline(HTMLParser):
    """Ids and links of the page, and what it would load."""

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.loads = [], [], []

    def handle_starttag(self, tag, attrs):
        for key, value in attrs:
            if key == "id":
                self.ids.append(value)
            elif key == "href" and tag == "a":
                self.links.append(value)
            elif key in ("src", "href", "xlink:href", "srcset", "action"):
                self.loads.append(value)


class Book(unittest.TestCase):
    """One book, one browser for all."""

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory(prefix="lastack-book-")
        cls.addClassCleanup(cls.tmp.cleanup)
        cls.dir = pathlib.Path(cls.tmp.name) / "not" / "there" / "yet"
        subprocess.run([LASTACK, "lab", "book", cls.dir], check=True,
                       stdout=subprocess.DEVNULL, timeout=300)
        cls.page = cls.dir / "index.html"
        cls.html = cls.page.read_text(encoding="utf-8")
        cls.outline = Outline()
        cls.outline.feed(cls.html)
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        b = self.browser
        b.size(1280, 900)
        b.prefer("light")
        b.go(self.page.as_uri())
        b.js("localStorage.clear()")
        b.go("about:blank")
        b.complaints()
        b.go(self.page.as_uri())
        b.settle()

    def tearDown(self):
        self.assertEqual(self.browser.complaints(), [])

    def visit(self, ident):
        self.browser.js("location.hash = arguments[0]", ident)
        self.browser.settle()

    def sections(self):
        return self.browser.js(
            "return Array.from(document.querySelectorAll('main > section'), s => s.id)")

    def now(self):
        shown = self.browser.js("return Array.from(document.querySelectorAll('main > section'))"
                                ".filter(s => s.checkVisibility()).map(s => s.id)")
        self.assertEqual(len(shown), 1)
        return shown[0]

    # ---- the file ----

    def test_whole_and_alone(self):
        """No id twice, no link into the void, nothing from the network."""
        o = self.outline
        self.assertEqual(len(o.ids), len(set(o.ids)))
        self.assertTrue(all(u.startswith("data:") for u in o.loads), o.loads)
        self.assertNotIn("@import", self.html)
        self.assertNotRegex(self.html, r"url\(")
        for link in o.links:
            with self.subTest(link=link):
                if link.startswith("#"):
                    self.assertIn(link[1:], o.ids)
                else:
                    self.assertGreater((self.dir / urllib.parse.unquote(link)).stat().st_size, 0)
        beside = {p.name for p in self.dir.iterdir()} - {"index.html"}
        self.assertEqual(beside, {urllib.parse.unquote(u) for u in o.links if u[0] != "#"})
        for picture in self.dir.glob("*.svg"):
            xml.etree.ElementTree.parse(picture)
        loaded = self.browser.js("return performance.getEntriesByType('resource').map(e => e.name)")
        self.assertEqual([u for u in loaded if not u.startswith("data:")], [])

    def test_every_experiment_held(self):
        self.assertEqual(len(self.sections()), EXPERIMENTS + 1)
        self.assertEqual(self.browser.js("return document.querySelectorAll('.checks.bad, li.bad').length"), 0)
        bare = self.browser.js(
            "return Array.from(document.querySelectorAll('.exp')).filter(s =>"
            " !s.querySelector('.variant svg.la text') ||"
            " Array.from(s.querySelectorAll('.variant')).some(v => !v.querySelector('.checks li')))"
            ".map(s => s.id)")
        self.assertEqual(bare, [])

    # ---- walking through it ----

    def test_every_link_leads_there(self):
        b = self.browser
        count = b.js("return document.querySelectorAll('a[href^=\"#\"]').length")
        for i in range(count):
            target = b.js("const a = document.querySelectorAll('a[href^=\"#\"]')[arguments[0]];"
                          "const s = a.closest('main > section'); if (s) location.hash = s.id;"
                          "return a.hash.slice(1)", i)
            b.settle()
            b.js("document.querySelectorAll('a[href^=\"#\"]')[arguments[0]].click()", i)
            b.settle()
            self.assertEqual(self.now(), target)
            self.assertEqual(b.js("return scrollY"), 0)

    def test_keyboard(self):
        b, all_of_them = self.browser, self.sections()
        for ident in all_of_them[1:]:
            b.press("j")
            self.assertEqual(self.now(), ident)
        b.press("j")
        self.assertEqual(self.now(), all_of_them[-1])  # no further
        b.press("k")
        self.assertEqual(self.now(), all_of_them[-2])
        b.press("\ue012")  # left arrow
        self.assertEqual(self.now(), all_of_them[-3])
        b.press("h")
        self.assertEqual(self.now(), "top")
        b.press("/")
        b.press(*"tcp_tw_recycle")  # letters are no commands here
        left = b.js("return Array.from(document.querySelectorAll('nav.contents a'))"
                    ".filter(a => a.checkVisibility()).map(a => a.hash)")
        self.assertEqual(left, ["#13_safe_reuse"])
        b.press("\ue007")  # Enter
        self.assertEqual(self.now(), "13_safe_reuse")

    def test_language(self):
        b = self.browser
        words = "return document.querySelector('main').innerText"
        for ident in self.sections():
            self.visit(ident)
            self.assertIsNone(CHINESE.search(b.js(words)), ident)
            title = b.js("return document.title")
            b.click("#language")
            self.assertEqual(self.now(), ident)
            self.assertIsNotNone(CHINESE.search(b.js(words)))
            self.assertIsNotNone(CHINESE.search(b.js("return document.title")))
            for name in b.js("return Array.from(document.querySelectorAll('section.now h3.zh'),"
                             " e => e.innerText)"):
                self.assertRegex(name, CHINESE)
            self.assertEqual(b.js("return document.documentElement.lang"), "zh-CN")
            self.assertEqual(b.js("return Array.from(document.querySelectorAll('.en'))"
                                  ".filter(e => e.checkVisibility()).length"), 0)
            b.press("l")
            self.assertEqual(b.js("return document.title"), title)
        b.click("#language")
        b.go("about:blank")
        b.go(self.page.as_uri())  # remembered
        self.assertEqual(b.js("return document.documentElement.lang"), "zh-CN")

    def test_theme(self):
        b = self.browser

        def dark():
            page, picture = b.js(
                "return [getComputedStyle(document.body).backgroundColor,"
                " getComputedStyle(document.querySelector('svg.la .paper')).fill]")
            self.assertEqual(page, picture)
            return sum(int(n) for n in re.findall(r"\d+", page)[:3]) < 128 * 3

        def both():
            seen = []
            for scheme in ("light", "dark"):
                b.prefer(scheme)
                b.settle()
                seen.append(dark())
            return seen

        self.assertEqual(both(), [False, True])  # as the system has it
        b.click("#theme")
        self.assertEqual(both(), [False, False])
        b.press("t")
        self.assertEqual(both(), [True, True])
        b.press("t")
        self.assertEqual(both(), [False, True])

    # ---- looking at it ----

    def look(self, width, scheme, language):
        b = self.browser
        b.size(width, 900)
        b.prefer(scheme)
        if b.js("return document.documentElement.lang") != language:
            b.press("l")
        for ident in self.sections():
            self.visit(ident)
            b.js("document.querySelectorAll('details').forEach(d => d.open = true)")
            b.settle()
            with self.subTest(ident=ident, width=width, scheme=scheme, language=language):
                self.assertEqual(b.js(LOOK), [])
            if KEEP:
                b.js("scrollTo(0, 0)")
                height = b.js("return document.documentElement.scrollHeight")
                b.size(width, min(height, 16000))
                b.screenshot(os.path.join(KEEP, f"{ident}-{width}-{scheme}-{language}.png"))
                b.size(width, 900)

    def test_looks(self):
        """Each width with each language, and each scheme with both widths."""
        self.look(360, "light", "en")
        self.look(360, "dark", "zh-CN")
        self.look(1280, "dark", "en")
        self.look(1280, "light", "zh-CN")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    LASTACK = sys.argv[1]
    KEEP = sys.argv[2] if len(sys.argv) > 2 else None
    unittest.main(argv=sys.argv[:1], verbosity=2)
