"""Pictures for the report and for reading packs, made from images and stored evidence."""
