"""What people write before there is a request: templates, and the tables that fill them."""

from __future__ import annotations
