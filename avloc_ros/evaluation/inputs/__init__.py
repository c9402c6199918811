"""What can be evaluated: scenes, bags, labelled clips, AVDIAR."""
