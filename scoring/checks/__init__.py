"""What is refused of a request before an engine sees it. All raise `Problem`, only `media.check_addresses` does I/O."""
