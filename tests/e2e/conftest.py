"""What every walk in a browser shares."""

from playwright.sync_api import expect

# As long as Playwright waits for a page to come: a busy machine is no failure of what is promised.
expect.set_options(timeout=30_000)
