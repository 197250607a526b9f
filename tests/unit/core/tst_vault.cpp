// SPDX-FileCopyrightText: Assistiv Gateway contributors
// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/vault.h"

#include "core/hashing.h"

#include <QtCore/QSet>
#include <QtTest/QtTest>

using namespace assistiv;

class tst_Vault : public QObject
{
    Q_OBJECT

private Q_SLOTS:
    void opensWhatItSealed_data();
    void opensWhatItSealed();
    void sealsDifferentlyEachTime();
    void refusesEveryChangedByte();
    void refusesEveryTruncation();
    void refusesAnotherContext();
    void refusesAnotherKey();
    void worksAgainAfterARefusal();
    void refusalsTellNothing();
    void fingerprintsFindEqualSecrets();
    void keyIdsTellKeysApart();

private:
    const QByteArray m_key = QByteArray(Vault::KeyBytes, 'k');
    const QByteArray m_otherKey = QByteArray(Vault::KeyBytes, 'o');
};

void tst_Vault::opensWhatItSealed_data()
{
    QTest::addColumn<QByteArray>("plain");
    QTest::newRow("nothing") << QByteArray();
    QTest::newRow("a provider key") << QByteArray("sk-upstream-0123456789");
    QTest::newRow("bytes of every kind") << QByteArray("\0\xff\n", 3);
    QTest::newRow("much") << QByteArray(100'000, 'x');
}

void tst_Vault::opensWhatItSealed()
{
    QFETCH(QByteArray, plain);
    const Vault vault(m_key);
    const QByteArray sealed = vault.seal(plain, "row/column");
    QCOMPARE(sealed.size(), 1 + 12 + plain.size() + 16);
    QCOMPARE(sealed[0], '\1');
    QVERIFY(plain.isEmpty() || !sealed.contains(plain));

    const auto opened = Vault(m_key).open(sealed, "row/column"); // another object with the same key, as after a restart
    QVERIFY(opened);
    QCOMPARE(*opened, plain);
}

void tst_Vault::sealsDifferentlyEachTime()
{
    const Vault vault(m_key);
    QSet<QByteArray> nonces;
    for (int i = 0; i < 1000; ++i)
        nonces.insert(vault.seal("same", "same").sliced(1, 12));
    QCOMPARE(nonces.size(), 1000);
}

void tst_Vault::refusesEveryChangedByte()
{
    const Vault vault(m_key);
    const QByteArray sealed = vault.seal("secret", "context");
    for (qsizetype at = 0; at < sealed.size(); ++at) {
        QByteArray changed = sealed;
        changed[at] = char(changed[at] ^ 1);
        QVERIFY2(!vault.open(changed, "context"), qPrintable(QStringLiteral("byte %1").arg(at)));
    }
}

void tst_Vault::refusesEveryTruncation()
{
    const Vault vault(m_key);
    const QByteArray sealed = vault.seal("secret", "context");
    for (qsizetype size = 0; size < sealed.size(); ++size)
        QVERIFY(!vault.open(sealed.first(size), "context"));
    QVERIFY(!vault.open(sealed + 'x', "context"));
}

void tst_Vault::refusesAnotherContext()
{
    const Vault vault(m_key);
    const QByteArray sealed = vault.seal("secret", "config-a|platform-1");
    QVERIFY(!vault.open(sealed, "config-b|platform-1"));
    QVERIFY(!vault.open(sealed, "config-a|platform-2"));
    QVERIFY(!vault.open(sealed, ""));
    QVERIFY(vault.open(sealed, "config-a|platform-1"));
}

void tst_Vault::refusesAnotherKey()
{
    QVERIFY(!Vault(m_otherKey).open(Vault(m_key).seal("secret", "context"), "context"));
}

void tst_Vault::worksAgainAfterARefusal()
{
    const Vault vault(m_key);
    QVERIFY(!vault.open(QByteArray(64, '\1'), "context"));
    const auto opened = vault.open(vault.seal("secret", "context"), "context");
    QVERIFY(opened);
    QCOMPARE(*opened, QByteArray("secret"));
}

void tst_Vault::refusalsTellNothing()
{
    const auto refused = Vault(m_otherKey).open(Vault(m_key).seal("sk-upstream", "config-a"), "config-a");
    QVERIFY(!refused);
    QCOMPARE(refused.error().code, ErrorCode::Internal);
    QVERIFY(!refused.error().message.contains(QString::fromLatin1("sk-upstream")));
    QVERIFY(!refused.error().message.contains(QString::fromLatin1("config-a")));
}

void tst_Vault::fingerprintsFindEqualSecrets()
{
    const Vault vault(m_key);
    QCOMPARE(vault.fingerprint("sk-a"), Vault(m_key).fingerprint("sk-a"));
    QVERIFY(vault.fingerprint("sk-a") != vault.fingerprint("sk-b"));
    QVERIFY(vault.fingerprint("sk-a") != Vault(m_otherKey).fingerprint("sk-a"));
    QVERIFY2(vault.fingerprint("sk-a") != sha256("sk-a"), "without the key nobody can test a guess");
}

void tst_Vault::keyIdsTellKeysApart()
{
    QCOMPARE(Vault(m_key).keyId(), Vault(m_key).keyId());
    QVERIFY(Vault(m_key).keyId() != Vault(m_otherKey).keyId());
    QCOMPARE(Vault(m_key).keyId().size(), 16);
}

QTEST_APPLESS_MAIN(tst_Vault)
#include "tst_vault.moc"
