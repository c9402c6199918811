"""What an evaluation or a demo leaves to look at: plots, pages, videos."""
