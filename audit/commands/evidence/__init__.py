"""Commands over what runs left: query it, check it against the zones and the chain, thin it out."""
