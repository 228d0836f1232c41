"""Where a child sleeps, night after night; and where no child ever does."""
