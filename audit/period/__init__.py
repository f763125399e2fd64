"""A period from its runs: which days were covered, which access existed, who decided, and how long findings lasted."""
