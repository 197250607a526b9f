# SPDX-FileCopyrightText: Assistiv Gateway contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire formats in which providers are called: one row each, and models of the mock behind them."""

import dataclasses

import harness
from harness import PRICE

# An image of one pixel.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
TIMEOUT_MS = 1000  # for the first byte, the shortest that a provider may have


@dataclasses.dataclass(frozen=True)
class Upstream:
    """A provider of the bootstrap file, and the words that its wire format has for what the gateway's has."""

    slug: str
    kind: str
    path: str  # of its base URL, behind the mock's origin
    api: str  # `upstream_api` of its mappings
    route: str  # as the mock's list of calls names it
    always_streams: bool  # also for clients that do not
    early_usage: bool  # the prompt's count comes before the end of a stream
    frame_error: tuple  # status and code of a failure that an error frame of the mock's tells of

    def provider(self, mock):
        return {
            "slug": self.slug,
            "kind": self.kind,
            "name": f"Mock, {self.slug}",
            "base_url": mock.origin + self.path,
            "allow_private_address": True,
            "first_byte_timeout_ms": TIMEOUT_MS,
        }

    def mapping(self, provider_model, priority=10, price=PRICE):
        return {
            "provider": self.slug,
            "provider_model_id": provider_model,
            "upstream_api": self.api,
            "priority": priority,
            "input_usd_per_mtok": price.input,
            "cached_input_usd_per_mtok": price.cached,
            "output_usd_per_mtok": price.output,
        }

    def slug_of(self, provider_model):
        return f"{self.slug}.{provider_model}"

    def model(self, provider_model, price=PRICE, **members):
        """A model with this one mapping, under a slug that names both."""
        slug = self.slug_of(provider_model)
        harness.PRICES[slug] = price
        return {
            "slug": slug,
            "display_name": slug,
            **members,
            "mappings": [self.mapping(provider_model, price=price)],
        }


COMPATIBLE = Upstream("m-compatible", "openai", "/v1", "chat", "chat", False, False, (502, "provider_error"))
XAI = Upstream("m-xai", "xai", "/v1", "chat", "chat", False, False, (502, "provider_error"))
ANTHROPIC = Upstream("m-anthropic", "anthropic", "", "messages", "messages", True, True, (503, "provider_error"))
GOOGLE = Upstream(
    "m-google", "google", "/v1beta", "generateContent", "generateContent", True, True, (503, "provider_error")
)
RESPONSES = Upstream("m-responses", "openai", "/v1", "responses", "responses", True, False, (502, "provider_error"))
UPSTREAMS = (COMPATIBLE, XAI, ANTHROPIC, GOOGLE, RESPONSES)


def bootstrap(mock, models, platforms):
    """As harness.bootstrap, with all these providers in the place of its one."""
    return {
        "providers": [upstream.provider(mock) for upstream in UPSTREAMS],
        "models": list(models),
        "platforms": list(platforms),
    }


def llm_configs(*upstreams, key=harness.UPSTREAM_KEY):
    return [{"provider": upstream.slug, "api_key": key} for upstream in upstreams or UPSTREAMS]
