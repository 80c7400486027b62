"""Reading a report: tokens, sections, sentences, mentions of findings and what is said of them."""
