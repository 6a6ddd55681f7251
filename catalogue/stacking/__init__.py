"""What adds up to what: rules of awarding bodies, and how far a learner is."""
