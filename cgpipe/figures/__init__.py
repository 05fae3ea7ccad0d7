"""Result records to figures; nothing is computed here."""
