"""Pictures for the report and for reading packs, from images and stored evidence."""
