"""Write a pipeline as a project of readable Python."""
