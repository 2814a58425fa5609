"""What is wrong with a model's and a data set's cards, before an audit: `audit-suite doctor`."""
