"""What events there are: impressions, visits and conversions, each with its types."""

from enum import StrEnum


class EventType(StrEnum):
    AD_DELIVERED = "AD_DELIVERED"
    CLIENT_CONFIRMED = "CLIENT_CONFIRMED"
    VISIT = "VISIT"
    PURCHASE = "PURCHASE"
    LEAD = "LEAD"
    SIGNUP = "SIGNUP"
    INSTALL = "INSTALL"


class ImpressionType(StrEnum):
    """Two metrics of the same play: they are never added up."""

    AD_DELIVERED = "AD_DELIVERED"
    CLIENT_CONFIRMED = "CLIENT_CONFIRMED"


class ConversionType(StrEnum):
    PURCHASE = "PURCHASE"
    LEAD = "LEAD"
    SIGNUP = "SIGNUP"
    INSTALL = "INSTALL"


class ConversionSource(StrEnum):
    """Who reported a conversion."""

    PIXEL = "PIXEL"
    SERVER = "SERVER"
    IMPORT = "IMPORT"
