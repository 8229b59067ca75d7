"""Paths, queries, methods and headers that make no sense, for every call that there is."""

import re

import httpx

from libs.runtime.paging import encode_cursor
from tests.flow.bad_input import wire
from tests.flow.bad_input.asking import CALLS, CURSORS, NOBODY, WITH_ID, each, good_body
from tests.flow.bad_input.platform import Platform
from tests.flow.bad_input.routes import Call, pages
from tests.flow.bad_input.seed import Seeded


@each(WITH_ID)
def test_ids_that_are_none(platform: Platform, victim: Seeded, call: Call) -> None:
    content, headers = good_body(call, victim)
    with platform.nothing_stored(victim.workspace):
        for bad in ("x", "%00", "%ff%fe", "%ED%A0%80", "0" * 2_000, f"{NOBODY}0", "..%2f..%2fetc", "*", "'%20OR%201"):
            for name in call.parameters:
                path = victim.path(call.path, call.service, **{name: bad})
                answer = platform.call(call.method, path, key=victim.key, content=content, headers=headers)
                platform.refused(answer, (404, 405, 422))


@each([call for call in CALLS if call.query])
def test_queries_that_make_no_sense(platform: Platform, victim: Seeded, call: Call) -> None:
    path = victim.path(call.path, call.service)
    for name in call.query:
        for bad in ("%00", "%ff", "%ED%A0%80", "NaN", "-1", "9" * 4_400, "1e400", "A" * 9_000, "%5B" * 3_000, "{}"):
            answer = platform.call("GET", f"{path}?{name}={bad}", key=victim.key)
            if not answer.is_success:  # a search for strange words finds nothing, which is no error
                platform.refused(answer, 422)
            assert answer.elapsed.total_seconds() < 5
            assert name not in ("cursor", "limit", "status") or not answer.is_success, bad


@each([call for call in CALLS if "cursor" in call.query])
def test_cursors_that_no_list_gave_out(platform: Platform, victim: Seeded, call: Call) -> None:
    path = victim.path(call.path, call.service)
    for values in CURSORS:
        for sort in ("opportunity", "recent", "reports") if "sort" in call.query else ("",):
            cursor = encode_cursor(values)
            answer = platform.call(
                "GET", path, key=victim.key, params={"cursor": cursor} | ({"sort": sort} if sort else {})
            )
            if not answer.is_success:
                platform.refused(answer, (409, 422))
    listed = platform.call("GET", path, key=victim.key, params={"cursor": encode_cursor([[], {}, None])})
    platform.refused(listed, 422, "invalid")


def test_methods_and_paths_that_are_not_there(platform: Platform, victim: Seeded) -> None:
    answered: dict[str, set[str]] = {}
    for call in CALLS:
        answered.setdefault(victim.path(call.path, call.service), set()).add(call.method)
    for path, methods in answered.items():
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - methods:
            answer = platform.call(method, path, key=victim.key)
            platform.refused(answer, (404, 405))
            assert answer.status_code == 405 or method == "GET"  # to read there is nothing, or another service's page
        for there in (f"{path}/", f"{path}/nothing/here", path.replace("/v1/", "/v1//")):
            platform.refused(platform.call("GET", there, key=victim.key, follow_redirects=False), (404, 405, 422))
    for path in ("/v1", "/v1/", "/v1/nothing", "/v1/../v1/nothing", "/livez", "/readyz", "/metrics"):
        platform.refused(platform.call("GET", path, key=victim.key), 404, "not-found")
    for path in ("/docs", "/redoc", "/nothing"):
        assert platform.call("GET", path).status_code == 404


def test_pages_of_another_workspace_and_cursors(platform: Platform, victim: Seeded, stranger: Seeded) -> None:
    link = platform.ask("POST", "/v1/sign-in-links", stranger.key, {"next": "/problems"})["url"]
    with httpx.Client(base_url=platform.up.home.url, timeout=30, trust_env=False) as browser:
        entered = browser.get(re.sub(r"^https?://[^/]+", "", link))
        assert entered.status_code == 303
        for path in pages():
            shown = re.sub(r"{(identity|link|path(:path)?)}", victim.ids["problem_id"], path)
            for query in (
                "",
                *(f"?after={encode_cursor(values)}" for values in CURSORS),
                "?after=%ff%00",
                "?next=//x",
            ):
                answer = browser.get(shown + query, follow_redirects=False)
                assert answer.status_code < 500, (shown, query)
                assert victim.secret not in answer.text
                assert "Traceback" not in answer.text
    for cookie in ("\xff", "x" * 3_000, "%00"):
        raw = f"whystream_session_{platform.up.home.front_port}={cookie}".encode("latin-1")
        assert platform.call("GET", "/", headers={"Cookie": raw}, follow_redirects=False).status_code == 303


def test_bytes_in_headers_and_requests_that_are_hardly_http(platform: Platform, victim: Seeded) -> None:
    with platform.nothing_stored(victim.workspace):
        for raw in wire.odd_requests(victim.key):
            status = wire.http_status(platform.up.home.front_port, raw)
            assert status is not None, raw[:200]
            assert status < 500, raw[:200]
