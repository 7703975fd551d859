"""browser.py: a headless Chromium, driven by chromedriver over WebDriver's JSON with nothing but the
standard library.  Debian: chromium, chromium-driver."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request


class Browser:
    """A session; `with Browser() as b:` ends it and its processes."""

    def __init__(self, width=1280, height=900):
        self.profile = tempfile.mkdtemp(prefix="lastack-book-")
        self.driver = subprocess.Popen(
            [shutil.which("chromedriver") or "/usr/bin/chromedriver", "--port=0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.session = None
        try:
            self.base = f"http://127.0.0.1:{self._port()}"
            self.session = self._start()
            self.size(width, height)
        except BaseException:
            self.close()
            raise

    def _port(self):
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                return int(line.rsplit("port", 1)[1].strip(" .\n"))
        raise RuntimeError("chromedriver did not start")

    def _start(self):
        args = ["--headless=new", "--hide-scrollbars", "--disable-gpu", "--disable-dev-shm-usage",
                "--force-device-scale-factor=1", "--lang=en-US", f"--user-data-dir={self.profile}",
                "--no-first-run", "--disable-background-networking", "--disable-component-update"]
        if os.geteuid() == 0:
            args.append("--no-sandbox")  # Chromium refuses its sandbox to root
        caps = {"browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"args": args}}
        return self._call("POST", "/session", {"capabilities": {"alwaysMatch": caps}})["sessionId"]

    def _call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"},
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(json.load(e)["value"]["message"]) from None

    def _post(self, path, **body):
        return self._call("POST", f"/session/{self.session}{path}", body)

    def cdp(self, command, **params):
        return self._post("/goog/cdp/execute", cmd=command, params=params)

    def size(self, width, height):
        """What the page sees: a window cannot be made as narrow as a phone."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 600)

    def prefer(self, scheme):
        """The system's wish: "light" or "dark"."""
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": scheme}])

    def go(self, url):
        self._post("/url", url=url)

    def js(self, script, *args):
        return self._post("/execute/sync", script=script, args=list(args))

    def settle(self):
        """After the events that are under way, and two frames drawn."""
        self._post("/execute/async", args=[], script="const done = arguments[0];"
                   "setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)));")

    def press(self, *keys):
        actions = [{"type": t, "value": k} for k in keys for t in ("keyDown", "keyUp")]
        self._post("/actions", actions=[{"type": "key", "id": "keys", "actions": actions}])
        self.settle()

    def click(self, selector):
        found = self._post("/element", using="css selector", value=selector)
        self._post(f"/element/{next(iter(found.values()))}/click")
        self.settle()

    def complaints(self):
        """What the console was told since the last time: warnings and errors."""
        return [f"{e['level']}: {e['message']}" for e in self._post("/se/log", type="browser")
                if e["level"] in ("WARNING", "SEVERE")]

    def screenshot(self, path, whole=False):
        shot = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        with open(path, "wb") as f:
            f.write(base64.b64decode(shot["data"]))

    def close(self):
        try:
            if self.session:
                self._call("DELETE", f"/session/{self.session}")
        finally:
            self.driver.terminate()
            self.driver.wait(timeout=30)
            self.driver.stdout.close()
            shutil.rmtree(self.profile, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
