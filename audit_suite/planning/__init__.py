"""What data could decide: chances and numbers of patients, before and after there is evidence."""
