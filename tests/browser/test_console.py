"""The console as people meet it: in a real browser, by mouse and by keyboard, in light and dark, wide and narrow."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

import pytest
import pytest_asyncio
import uvicorn
from playwright.async_api import Browser, Page, async_playwright, expect

from services.console.tests.telling import Story, whole_story
from tests.support.driven import Driven

pytestmark = pytest.mark.browser
CHROMIUM = os.environ.get("WHYSTREAM_CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
_WIDER_THAN_WINDOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@dataclass
class Visit:
    """A browser's window on a running console, and everything that went wrong or elsewhere in it."""

    page: Page
    url: str
    key: str
    story: Story
    complaints: list[str] = field(default_factory=list)

    async def sign_in(self) -> None:
        await self.page.goto(f"{self.url}/")
        await self.page.get_by_label("Access key").fill(self.key)
        await self.page.get_by_role("button", name="Sign in").click()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        await chromium.close()


@asynccontextmanager
async def serving(console: Driven) -> AsyncIterator[str]:
    """The console's routes on a port of their own; its parts are the test's."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(console.app, lifespan="off", log_config=None, access_log=False))
        task = asyncio.create_task(server.serve([door]))
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, 20)


@asynccontextmanager
async def visiting(
    console: Driven,
    browser: Browser,
    *,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    empty: bool = False,
) -> AsyncIterator[Visit]:
    story = whole_story(console.workspace)
    if not empty:
        await console.deliver(*story.envelopes)
    async with serving(console) as url:
        context = await browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        context.set_default_timeout(15_000)
        page = await context.new_page()
        visit = Visit(page, url, f"ws_{console.workspace}_admin", story)
        page.on("console", lambda said: visit.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: visit.complaints.append(str(error)))
        page.on("request", lambda sent: visit.complaints.append(sent.url) if not sent.url.startswith(url) else None)
        try:
            yield visit
        finally:
            await context.close()
    assert visit.complaints == []


async def test_from_signing_in_to_a_decisions_why_and_out(console: Driven, browser: Browser) -> None:
    async with visiting(console, browser) as visit:
        page = visit.page
        await visit.sign_in()
        for name in ("Problems", "Experiments", "Decisions"):
            await expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        await page.get_by_role("link", name="Let patients move their own appointment").click()
        thread = page.locator(".thread")
        await expect(thread).to_contain_text("Is there a way for a patient to move their own appointment?")
        await expect(thread).to_contain_text("Calls about moving fell by 41 percent")
        await expect(thread.get_by_role("img", name="Effect +3.4 points")).to_be_visible()
        assert await page.title() == "Let patients move their own appointment · Whystream"  # the script did not run
        await page.get_by_role("link", name="Patients cannot move their own appointment and have to call").click()
        await expect(page.get_by_role("heading", name="The eight questions")).to_be_visible()
        await page.get_by_role("button", name="Sign out").click()
        await page.goto(f"{visit.url}/decisions/{visit.story.decision}")
        await expect(page.get_by_label("Access key")).to_be_visible()


async def test_everything_can_be_reached_by_keyboard_and_shows_where_one_is(console: Driven, browser: Browser) -> None:
    async with visiting(console, browser) as visit:
        page = visit.page
        await page.goto(f"{visit.url}/decisions/{visit.story.decision}")
        await expect(page.locator("input:focus")).to_have_count(1)  # without a click
        await page.keyboard.type(visit.key)
        await page.keyboard.press("Enter")
        await expect(page.locator(".thread")).to_be_visible()
        await page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        await expect(skip).to_be_focused()
        await expect(skip).to_be_in_viewport()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        inside = await page.evaluate("document.getElementById('main').contains(document.activeElement)")
        assert inside
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        summary = page.locator("summary").first
        await summary.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("details[open]").first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_page_fits_a_phone_and_is_legible(
    console: Driven, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    async with visiting(console, browser, width=360, scheme=scheme) as visit:
        page, story = visit.page, visit.story
        await page.goto(f"{visit.url}/sign-in")
        assert not await page.evaluate(_WIDER_THAN_WINDOW)
        await visit.sign_in()
        await expect(page.get_by_role("heading", name="Decisions", exact=True)).to_be_visible()
        paths = ("/", "/problems", "/experiments", f"/decisions/{story.decision}", f"/problems/{story.problem}")
        for path in paths:
            await page.goto(visit.url + path)
            await page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
            assert not await page.evaluate(_WIDER_THAN_WINDOW), path
            assert await page.evaluate(_FAINT) == [], path


async def test_dark_is_dark(console: Driven, browser: Browser) -> None:
    async with visiting(console, browser, scheme="dark", empty=True) as visit:
        await visit.sign_in()
        await expect(visit.page.get_by_text("No words have come in yet.")).to_be_visible()
        ground = await visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(int(part) for part in ground.removeprefix("rgb(").removesuffix(")").split(",")) < 120


# Every text whose contrast with the ground under it is below WCAG 2.2 AA: 4.5, or 3 for large text.
_FAINT = """() => {
  const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const linear = v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ground = node => {
    for (let at = node; at; at = at.parentElement) {
      const found = rgb(getComputedStyle(at).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll('body *')) {
    const text = [...node.childNodes].filter(part => part.nodeType === 3).map(part => part.data.trim()).filter(Boolean);
    if (!text.length || !node.getClientRects().length) continue;
    const style = getComputedStyle(node);
    const [a, b] = [light(rgb(style.color)), light(ground(node))].sort((x, y) => y - x);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if ((a + 0.05) / (b + 0.05) < (large ? 3 : 4.5)) faint.push(text[0].slice(0, 40) + ' ' + style.color);
  }
  return faint;
}"""
