"""From peaks and faces to speakers with identities: association, Kalman filter on the sphere, life cycle."""
