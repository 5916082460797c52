"""Looking at what was restored: a page of befores and afters, and the marks that a person sets on it."""
