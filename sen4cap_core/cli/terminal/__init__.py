"""What commands share: options, words, bars."""
