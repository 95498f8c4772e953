"""What `annotator doctor` and `annotator check` look at: software, hardware, services. Each finding brings its mend."""
