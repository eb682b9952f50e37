"""Mail programs and libraries that are not ours, set up as README.md beside this file tells their users."""
