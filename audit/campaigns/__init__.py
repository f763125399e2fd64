"""Access reviews: campaigns, the decisions of reviewers, and proof of what became of them."""
