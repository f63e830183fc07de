"""The controller's settings."""

from halo_controller.settings import Settings


def test_the_brokers_password_is_not_shown() -> None:
    settings = Settings(broker_url="amqps://halo:s3cr3t-canary@broker/")

    assert settings.broker_url == "amqps://halo:s3cr3t-canary@broker/"
    assert "canary" not in repr(settings) + str(settings)
