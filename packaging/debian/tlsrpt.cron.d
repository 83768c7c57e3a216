# For hosts without systemd; else: systemctl enable --now tlsrpt-send.timer
#
# A day is over 15 minutes after midnight UTC; take another minute, so that
# receivers do not hear from everybody at once.
#
#23 1 * * *	tlsrpt	/usr/sbin/tlsrpt-send
