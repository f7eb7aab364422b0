"""What trains several networks to compare them, and looks into them."""
