"""Writers: a Document as a page, in Markdown and in HTML."""
