"""What may not go on with a child's migration procedure meanwhile, as referral says; never why."""
