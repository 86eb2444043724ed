"""The app's icon."""

# Four classes of CamVid in their colours. A data URI, so that the browser asks no other server for it.
ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='3' fill='%23808080'/%3E%3Cpath d='M0 6l5-3v9H0z' fill='%23800000'/%3E"
    "%3Cpath d='M16 5l-5 2v4h5z' fill='%23808000'/%3E%3Cpath d='M0 12l7-3h2l7 3v1a3 3 0 0 1-3 3H3a3 3 0 0 1-3-3z'"
    " fill='%23804080'/%3E%3C/svg%3E"
)
