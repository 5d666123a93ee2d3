"""Where a Bento runs, and how one version takes another's place."""
