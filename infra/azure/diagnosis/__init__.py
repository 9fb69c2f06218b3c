"""What Azure's errors mean: reads error bodies, and knows for each code why it occurs and what to do."""
