# cmake --install: filled in by the install step below.
