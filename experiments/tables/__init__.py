"""Tables: Markdown made of result files."""
