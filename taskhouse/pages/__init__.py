"""What the pages for people share: their look, how numbers and days are written, links, and Markdown.

A page is one HTML file: no script runs, nothing is fetched, and every text of the server is escaped.
"""
