"""The judgement of schema changes; the README says where to start."""
